"""Data of the catalogue: `divisions.tsv`, made by `catalog.data.generate`, see SOURCES.md."""
