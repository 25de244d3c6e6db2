"""A cross-encoder of random weights with a tokenizer of letters."""

from pathlib import Path

from tests.support.tiny_bert import make_tiny_bert


def make_tiny_cross_encoder(folder: Path, labels: int = 1) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    make_tiny_bert(folder)
    torch.manual_seed(1)
    config = BertConfig.from_pretrained(folder, num_labels=labels, initializer_range=0.5)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder
