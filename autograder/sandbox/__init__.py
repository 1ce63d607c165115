"""The box: what it lets in, how it is built, the code of ours inside it, and the attempts to get out."""
