"""Shims of every vLLM process that wait until the plug-in has imported and registered everything."""
