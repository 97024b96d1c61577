"""Networks of several datasets in one."""

import xarray as xr


def concatenate(parts: list[xr.Dataset]) -> xr.Dataset:
    """Join datasets along `network`; pad missing modes with zeros, as in `Problem`. Attributes are those of the first one."""
    modes = max(part.sizes["mode"] for part in parts)
    padded = [
        part
        if part.sizes["mode"] == modes
        else part.pad({"mode": (0, modes - part.sizes["mode"])}, constant_values=0.0)
        for part in parts
    ]
    return xr.concat(padded, "network", join="exact", combine_attrs="override") if len(parts) > 1 else padded[0]
