"""vLLM's ops without its compiled extension: schemas, plain implementations, who needs which."""
