"""Recipes: one folder or file per question, with the command that answers it."""
