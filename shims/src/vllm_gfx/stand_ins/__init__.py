"""Modules that vLLM imports and some system lacks; the shims of `early` install them there."""
