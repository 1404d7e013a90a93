"""The front hall: builds everything; its modules are imported when they are needed."""
