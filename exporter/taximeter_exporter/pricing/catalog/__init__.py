"""The shipped price catalog: one file a provider. Where each figure was read stands with it."""
