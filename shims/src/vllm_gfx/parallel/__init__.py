"""More than one GPU: where one engine may use several, and `vllm-gfx replicas` where not.

On Linux several GPUs in one engine, or several engines, are vLLM's own (tensor, pipeline and data
parallelism, and Ray over hosts, which only vLLM imports). On Windows there is no RCCL, so an engine
has one GPU there, and replicas share the requests instead.
"""
