"""The app that comes with the template: short links, to show every practice once. Replace it with your own."""
