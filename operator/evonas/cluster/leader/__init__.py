"""Which replica acts: the Lease, how it is taken and held, and whether our own renewals come back."""
