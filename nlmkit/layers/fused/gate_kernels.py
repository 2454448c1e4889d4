"""Gates of recurrent layers as machine code: the functions of ``gates``, for arrays of float32 and bfloat16.

Each passes over a row of one gate at a time, in loops that numba vectorizes. This module imports numba.
"""

# ruff: noqa: PLR0917  (functions of arrays, called by position)

from __future__ import annotations

from typing import Any, Final

import numpy as np

from nlmkit.layers.fused.arithmetic import compiled, load, logistic, store, tanh

_ONE: Final = np.float32(1)


@compiled
def _logistic_row(found: Any, driven: Any, recurrent: Any, bias: Any) -> None:
    for j in range(len(found)):
        found[j] = logistic(load(driven, j) + load(recurrent, j) + bias[j])


@compiled
def _tanh_row(found: Any, driven: Any, recurrent: Any, bias: Any) -> None:
    for j in range(len(found)):
        found[j] = tanh(load(driven, j) + load(recurrent, j) + bias[j])


@compiled
def _read(found: Any, values: Any) -> None:
    for j in range(len(found)):
        found[j] = load(values, j)


@compiled
def _write(places: Any, values: Any) -> None:
    for j in range(len(values)):
        store(places, j, values[j])


@compiled
def _write_and_add(places: Any, values: Any, total: Any) -> None:
    for j in range(len(values)):
        store(places, j, values[j])
    for j in range(len(values)):
        total[j] += values[j]


@compiled
def lstm_forward(t: int, gates: Any, bias: Any, cells: Any, hidden: Any, recurrent: Any) -> None:
    """See ``gates.lstm_forward``."""
    h = hidden.shape[2]
    rows = np.empty((4, h), np.float32)
    for b in range(gates.shape[1]):
        for gate in range(4):
            begin, end = gate * h, (gate + 1) * h
            driven, fed = gates[t, b, begin:end], recurrent[b, begin:end]
            if gate == 2:
                _tanh_row(rows[gate], driven, fed, bias[begin:end])
            else:
                _logistic_row(rows[gate], driven, fed, bias[begin:end])
            _write(driven, rows[gate])
        i, f, g, o = rows[0], rows[1], rows[2], rows[3]
        last, cell = cells[t, b], cells[t + 1, b]
        for j in range(h):
            cell[j] = f[j] * last[j] + i[j] * g[j]
        for j in range(h):
            i[j] = o[j] * tanh(cell[j])
        _write(hidden[t + 1, b], i)


@compiled
def lstm_backward(t: int, gates: Any, cells: Any, by_outputs: Any, by_cell: Any, by_bias: Any, by_hidden: Any) -> None:
    """See ``gates.lstm_backward``."""
    h = by_cell.shape[1]
    rows = np.empty((6, h), np.float32)
    i, f, g, o, by_h, bent = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    for b in range(gates.shape[1]):
        for gate in range(4):
            _read(rows[gate], gates[t, b, gate * h : (gate + 1) * h])
        _read(by_h, by_hidden[b])
        outer, last, cell, by_c = by_outputs[t, b], cells[t, b], cells[t + 1, b], by_cell[b]
        for j in range(h):
            by_h[j] += outer[j]
        for j in range(h):
            bent[j] = tanh(cell[j])
        for j in range(h):
            by_c[j] += by_h[j] * o[j] * (_ONE - bent[j] * bent[j])
        for j in range(h):
            o[j] = by_h[j] * bent[j] * o[j] * (_ONE - o[j])
        for j in range(h):
            by_i = by_c[j] * g[j] * i[j] * (_ONE - i[j])
            g[j] = by_c[j] * i[j] * (_ONE - g[j] * g[j])
            i[j] = by_i
        for j in range(h):
            by_f = by_c[j] * last[j] * f[j] * (_ONE - f[j])
            by_c[j] *= f[j]
            f[j] = by_f
        for gate in range(4):
            begin, end = gate * h, (gate + 1) * h
            _write_and_add(gates[t, b, begin:end], rows[gate], by_bias[begin:end])


@compiled
def gru_forward(t: int, gates: Any, recurrent: Any, bias: Any, states: Any, hidden: Any) -> None:
    """See ``gates.gru_forward``."""
    h = states.shape[2]
    rows = np.empty((4, h), np.float32)
    r, z, n, to_n = rows[0], rows[1], rows[2], rows[3]
    for b in range(gates.shape[1]):
        for gate in range(2):
            begin, end = gate * h, (gate + 1) * h
            _logistic_row(rows[gate], gates[t, b, begin:end], recurrent[t, b, begin:end], bias[begin:end])
        _read(n, gates[t, b, 2 * h :])
        _read(to_n, recurrent[t, b, 2 * h :])
        offset, last, state = bias[2 * h :], states[t, b], states[t + 1, b]
        for j in range(h):
            n[j] = tanh(n[j] + offset[j] + r[j] * to_n[j])
        for j in range(h):
            to_n[j] = n[j] + z[j] * (last[j] - n[j])
        for gate in range(3):
            _write(gates[t, b, gate * h : (gate + 1) * h], rows[gate])
        _write(state, to_n)
        _write(hidden[t + 1, b], to_n)


@compiled
def gru_backward(
    t: int, gates: Any, recurrent: Any, states: Any, by_outputs: Any, by_state: Any, by_bias: Any, by_hidden: Any
) -> None:
    """See ``gates.gru_backward``."""
    h = by_state.shape[1]
    rows = np.empty((5, h), np.float32)
    r, z, n, to_n, by_h = rows[0], rows[1], rows[2], rows[3], rows[4]
    for b in range(gates.shape[1]):
        for gate in range(3):
            _read(rows[gate], gates[t, b, gate * h : (gate + 1) * h])
        _read(to_n, recurrent[t, b, 2 * h :])
        _read(by_h, by_hidden[b])
        outer, last, by_s = by_outputs[t, b], states[t, b], by_state[b]
        for j in range(h):
            by_h[j] += outer[j] + by_s[j]
        for j in range(h):
            by_s[j] = by_h[j] * z[j]
        for j in range(h):
            by_n = by_h[j] * (_ONE - z[j]) * (_ONE - n[j] * n[j])
            z[j] = by_h[j] * (last[j] - n[j]) * z[j] * (_ONE - z[j])
            n[j] = by_n
        for j in range(h):
            by_r = n[j] * to_n[j] * r[j] * (_ONE - r[j])
            to_n[j] = n[j] * r[j]
            r[j] = by_r
        for gate in range(3):
            begin, end = gate * h, (gate + 1) * h
            _write_and_add(gates[t, b, begin:end], rows[gate], by_bias[begin:end])
        for gate in range(2):
            _write(recurrent[t, b, gate * h : (gate + 1) * h], rows[gate])
        _write(recurrent[t, b, 2 * h :], to_n)


@compiled
def rnn_forward(t: int, gates: Any, bias: Any, hidden: Any, recurrent: Any) -> None:
    """See ``gates.rnn_forward``."""
    row = np.empty(hidden.shape[2], np.float32)
    for b in range(gates.shape[1]):
        _tanh_row(row, gates[t, b], recurrent[b], bias)
        _write(hidden[t + 1, b], row)


@compiled
def rnn_backward(t: int, gates: Any, hidden: Any, by_outputs: Any, by_bias: Any, by_hidden: Any) -> None:
    """See ``gates.rnn_backward``."""
    h = hidden.shape[2]
    rows = np.empty((2, h), np.float32)
    state, by_h = rows[0], rows[1]
    for b in range(gates.shape[1]):
        _read(state, hidden[t + 1, b])
        _read(by_h, by_hidden[b])
        outer = by_outputs[t, b]
        for j in range(h):
            by_h[j] = (by_h[j] + outer[j]) * (_ONE - state[j] * state[j])
        _write_and_add(gates[t, b], by_h, by_bias)
