"""How often health is checked at most, seconds, however fast the range's clock runs.

What is well is asked less often: at 60 times AWS's speed, asking was half of a range's work. After
the first bad answer the next follow soon.
"""

SOON_S = 0.1
STEADY_S = 0.5
