"""What happens, without HTTP."""
