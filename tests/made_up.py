"""What summaries that tests make up by hand need beside their fields."""

from lazyrich.networks.recipe import FORMAT, Recipe


def fixed_recipe(**fixed):
    """The text of a recipe that has these values for all of its networks."""
    return Recipe(FORMAT, {}, fixed, ()).text


# Attributes of a summary of linear networks, as far as boundaries and pictures ask for them.
OF_LINEAR = {"recipe": fixed_recipe(activation="linear", loss="half_mse")}
