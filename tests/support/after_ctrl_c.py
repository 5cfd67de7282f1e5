"""A program that takes its time after Ctrl-C and has a last word; it ends with CODE."""

LAST_WORD = "tidied up\n"
CODE = 7
# It sleeps in short pieces, lest the test depend on what Ctrl-C does to a sleep of each system.
SLOW_TO_END = f"""
import signal, sys, time
def end(*_):
    time.sleep(2)
    print({LAST_WORD.strip()!r}, flush=True)
    sys.exit({CODE})
signal.signal(signal.SIGINT, end)
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""
