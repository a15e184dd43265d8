"""Answers on their way in: any model's file becomes `Prediction`s, by the name of its format. The door is reader.py."""
