"""The page of AV-Master's ablations, from study folders."""
