"""Tests of folds that are shown, verified and made."""
