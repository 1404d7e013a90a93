"""The history of the google schema."""
