"""What people and manifests ask of a local run while it goes: candidates, pins and vetoes."""
