"""What this machine has: adapters, drivers, memory, libraries, and what torch sees of them.

Facts only, for the doctor and for the checks before the engine starts. Standard library only, but
for `torch_view` and `probe`, which are about torch. Every function takes the place that it reads
from, so that tests can give it another machine.
"""
