"""What a run leaves behind: gradebook, pages, executed notebooks, and the folder that holds them."""
