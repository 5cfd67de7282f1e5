"""Shims of every vLLM process, once the plug-in has imported and registered everything."""
