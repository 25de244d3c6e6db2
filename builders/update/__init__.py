"""What of a published dataset stays when its pages change? Its splits, its questions, their negatives."""
