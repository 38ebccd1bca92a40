"""The migrations as data; a package only so that wheel, sdist and editable install all carry the folder."""
