"""The Parquet lake: schema, writer, reader, catalogue, quality record."""
