"""Random changes of a calibrated field that leave the galaxy the same galaxy, on the batch's device."""
