"""The app that comes with the template; replace it with your own."""
