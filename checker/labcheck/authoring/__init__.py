"""What authors and CI do with labs: carry out their pages, and prove that their checks are honest."""
