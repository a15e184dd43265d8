"""The SFT cold start with verl's SFT trainer."""
