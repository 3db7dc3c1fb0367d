"""Whether two pandas objects are the same in everything that pandas lets one see; stricter than pandas' own."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd


def same_values(one, other):
    """Arrays of numpy or pandas: dtype, missing values of every kind, objects by their types."""
    if type(one) is not type(other) or len(one) != len(other):
        return False
    if isinstance(one, np.ndarray):
        if one.dtype != other.dtype:
            return False
        if one.dtype.kind == "O":
            return all(map(same_object, one.tolist(), other.tolist()))
        return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()
    return same_dtype(one.dtype, other.dtype) and same_parts(one, other)


def same_parts(one, other):
    kind = type(one.dtype).__name__
    if kind == "CategoricalDtype":
        return same_index(one.categories, other.categories) and one.codes.tolist() == other.codes.tolist()
    if kind == "IntervalDtype":
        return same_index(one.left, other.left) and same_index(one.right, other.right)
    if kind in {"DatetimeTZDtype", "PeriodDtype"}:
        return one.asi8.tolist() == other.asi8.tolist()
    if kind == "ArrowDtype":
        ours, theirs = one.__arrow_array__(), other.__arrow_array__()
        return ours.type == theirs.type and str(ours.to_pylist()) == str(theirs.to_pylist())
    if kind == "StringDtype":
        return all(map(same_object, one.astype(object).tolist(), other.astype(object).tolist()))
    shown = ~one._mask
    return one._mask.tolist() == other._mask.tolist() and one._data[shown].tobytes() == other._data[shown].tobytes()


def same_dtype(one, other):
    zones = [getattr(dtype, "tz", None) for dtype in (one, other)]
    return (one, repr(one), *map(repr, zones[:1])) == (other, repr(other), *map(repr, zones[1:])) and type(
        zones[0]
    ) is type(zones[1])


def same_object(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_object, one, other))
    if isinstance(one, dict):
        return all(map(same_object, one.items(), other.items())) and len(one) == len(other)
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and same_values(one.reshape(-1), other.reshape(-1))
    if isinstance(one, float | decimal.Decimal | dt.datetime):
        return repr(one) == repr(other)
    return one is other or one == other


def same_index(one, other):
    if type(one) is not type(other) or not same_object(list(one.names), list(other.names)):
        return False
    if isinstance(one, pd.RangeIndex):
        return (one.start, one.stop, one.step) == (other.start, other.stop, other.step)
    if isinstance(one, pd.MultiIndex):
        return (
            all(map(same_index, one.levels, other.levels))
            and [list(codes) for codes in one.codes] == [list(codes) for codes in other.codes]
            and one.sortorder == other.sortorder
        )
    return getattr(one, "freq", None) == getattr(other, "freq", None) and same_values(values(one), values(other))


def values(series):
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def same_series(one, other):
    return (
        type(one) is type(other)
        and same_index(one.index, other.index)
        and same_object(one.name, other.name)
        and same_values(values(one), values(other))
        and same_object(one.attrs, other.attrs)
        and one.flags == other.flags
    )


def same_frame(one, other):
    return (
        type(one) is type(other)
        and same_index(one.index, other.index)
        and same_index(one.columns, other.columns)
        and all(
            same_values(values(one.iloc[:, place]), values(other.iloc[:, place])) for place in range(len(one.columns))
        )
        and same_object(one.attrs, other.attrs)
        and one.flags == other.flags
    )
