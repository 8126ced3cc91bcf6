"""The sections of proxy.yaml, a file each, as frozen Structs. `engine.config.document` puts them together."""
