"""What a product is: its bands, their data types, who may do what; checked at birth."""
