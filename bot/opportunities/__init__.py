"""What we could do at a state: cycles, screened in floats, sized in exact integers, ranked net of costs. Pure."""
