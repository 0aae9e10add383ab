"""The rules as people look at them, change them and agree to them: pages, commands, and what they write as YAML."""
