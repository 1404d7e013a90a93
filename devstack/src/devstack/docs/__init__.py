"""What is written about the code by reading the code: `python -m devstack.docs [--check]`."""
