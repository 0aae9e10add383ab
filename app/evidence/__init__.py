"""What leaves the house as proof: bundles that can be checked without Crusoe, and the signed anchor of each day."""
