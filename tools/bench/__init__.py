"""Reports what `vllm_gfx.bench` measured: tables, plots, an HTML page, comparisons of two files.

A row of results/engine.jsonl is one measurement; row.schema.json says what is in it.
"""
