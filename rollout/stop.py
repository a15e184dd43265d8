"""Where an answer ends: the tokens that close a mask's outer bracket."""


def closing_token_ids(tokenizer) -> list[int]:
    """Ids of the tokens that write `]]]`, and maybe blanks around it; most tokenizers have one."""
    return [index for index in range(len(tokenizer)) if tokenizer.decode([index]).strip() == "]]]"]
