"""What a person sees of a run: live view, reports, explanations, checks. Nothing here decides."""
