"""Text triplets: question sets over passage pools."""
