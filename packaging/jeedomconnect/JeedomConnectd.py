"""Runs Hearthwire in the place of the plugin's daemon: copy it over resources/JeedomConnectd/JeedomConnectd.py."""
import os
import sys

program = os.environ.get("HEARTHWIRE", "hearthwire")
os.execvp(program, [program, "jeedomconnect", *sys.argv[1:]])
