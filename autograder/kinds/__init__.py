"""The kinds of answers, a module for each family; `autograder.kinds.registry` names them."""
