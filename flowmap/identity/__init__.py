"""Who is who: addresses of packets to the machines that people know, and how each was learned."""
