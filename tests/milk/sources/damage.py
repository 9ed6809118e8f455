"""What befalls files on their way: damages of bytes, lines, cells and columns, each decided by a few drawn numbers."""

import codecs
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from milk.series import SourceName
from tests.milk.sources.writings import WRITINGS, Writing, sound_table, written

DAMAGES_A_BATCH = 10
"""A batch gives two files more: the one that is only written in another way, and the one with all damages."""

BATCH_FILES = DAMAGES_A_BATCH + 2
_MOST_TOGETHER = 4
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

JUNK = (
    # Numbers that are none, or are two.
    "", "a", "nan", "inf", "-1", "-4,58", "+3.85", ".5", "5.", "1e5", "1e400", "3,1E-05", "0x1F", "1_000", "½", "3²",
    "٣", "\uff11\uff12", "١٩٧٩", "1.234,5", "1,234.5", "1,234", "1.234", "1.234.567,8", "1,234,567", "312,5", "312.5",
    "0,125", "3 85", "3\u00a0850", "3.85\x1f", "\u202e58.3", "4.58 CLP", "$4", "5000.01", "00012.50", "9" * 101,
    "#REF!", "=1+1",
    # Months that are none, or are one in other words.
    "2020-13-01", "1999-00-01", "0000-01-01", "1999-02-30", "1999-1-1", "1999-02", "1999-02-01", "01-02-1999",
    "1/2/1999", "1999-02-01 00:00:00", "1999-02-01 00:00:00 UTC", "9999-12-01", "٢٠٢٠-01-01", "Foo", "ene", "Enero",
    "ene.", "\u017fep", "SEP", "2", "1999", "99", "1999.0", "3000",
    # What a quotation mark, a separator or an end of line does in a cell.
    '"', '""', '"4.58', '4.58"', '"4\n.58"', '"4,58"', '"4;58"', ",", ";", "\t", "\n", "\r", "4,58", "4;58",
    "\x00", "\x1b[2J", "\u2028", "\ufeff", "\x85", "\x0c",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Damage:
    """One damage: what it is, two numbers that choose the place, and a text to put there."""

    kind: str
    place: int
    other: int
    junk: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A sound file and what befalls it.

    Attributes:
        source: of the file.
        salt: of its values.
        writing: how it is written.
        damages: each befalls the file alone; then some of them together.
    """

    source: SourceName
    salt: int
    writing: Writing
    damages: tuple[Damage, ...]

    def files(self) -> Iterator[bytes]:
        """The file as written, with each damage, and with some of them together."""
        content = written(sound_table(self.source, self.salt), self.writing)
        yield content
        for damage in self.damages:
            yield damaged(content, damage)
        for damage in self.damages[:_MOST_TOGETHER]:
            content = damaged(content, damage)
        yield content


def batches(source: SourceName) -> st.SearchStrategy[Batch]:
    """Sound files of a source with their damages."""
    place = st.integers(0, 1 << 20)
    damage = st.builds(Damage, st.sampled_from(sorted(DAMAGES)), place, place, st.sampled_from(JUNK))
    damages = st.lists(damage, min_size=DAMAGES_A_BATCH, max_size=DAMAGES_A_BATCH).map(tuple)
    return st.builds(Batch, st.just(source), st.integers(0, 10_000), WRITINGS, damages)


def damaged(content: bytes, damage: Damage) -> bytes:
    """The file after a damage."""
    return DAMAGES[damage.kind](content, damage) if content else content


def _flip_byte(content: bytes, d: Damage) -> bytes:
    at = d.place % len(content)
    return content[:at] + bytes([content[at] ^ (1 << d.other % 8)]) + content[at + 1 :]


def _random_byte(content: bytes, d: Damage) -> bytes:
    at = d.place % len(content)
    return content[:at] + bytes([d.other % 256]) + content[at:]


def _delete_bytes(content: bytes, d: Damage) -> bytes:
    at = d.place % len(content)
    return content[:at] + content[at + 1 + d.other % 3 :]


def _insert_junk(content: bytes, d: Damage) -> bytes:
    at = d.place % len(content)
    return content[:at] + d.junk.encode() + content[at:]


def _cut_end(content: bytes, d: Damage) -> bytes:
    return content[: d.place % len(content)]


def _cut_middle(content: bytes, d: Damage) -> bytes:
    at = d.place % len(content)
    return content[:at] + content[at + d.other % 200 :]


def _of_lines(change: Callable[[list[bytes], Damage], None]) -> Callable[[bytes, Damage], bytes]:
    def changed(content: bytes, d: Damage) -> bytes:
        lines = _LINE.findall(content)
        change(lines, d)
        return b"".join(lines)

    return changed


def _drop_line(lines: list[bytes], d: Damage) -> None:
    del lines[d.place % len(lines)]


def _repeat_line(lines: list[bytes], d: Damage) -> None:
    lines.insert(d.other % (len(lines) + 1), lines[d.place % len(lines)])


def _repeat_line_with_other_digits(lines: list[bytes], d: Damage) -> None:
    line = lines[d.place % len(lines)]
    lines.append(line.replace(b"%d" % (d.other % 10), b"7"))


def _join_lines(lines: list[bytes], d: Damage) -> None:
    at = d.place % len(lines)
    lines[at] = lines[at].rstrip(b"\r\n")


def _split_line(lines: list[bytes], d: Damage) -> None:
    at = d.place % len(lines)
    middle = d.other % (len(lines[at]) + 1)
    lines[at] = lines[at][:middle] + b"\r" + lines[at][middle:]


def _shuffle_lines(lines: list[bytes], d: Damage) -> None:
    random.Random(d.place).shuffle(lines)


def _junk_line(lines: list[bytes], d: Damage) -> None:
    lines.insert(d.place % (len(lines) + 1), d.junk.encode() + b"\n")


def _more_cells(lines: list[bytes], d: Damage) -> None:
    at = d.place % len(lines)
    lines[at] = lines[at].rstrip(b"\r\n") + (b",", b";", b";;", b",7")[d.other % 4] + b"\n"


def _other_separator_in_a_line(lines: list[bytes], d: Damage) -> None:
    at = d.place % len(lines)
    lines[at] = lines[at].translate(bytes.maketrans(b",;", (b";,", b";;", b",,", b"\t\t")[d.other % 4]))


def _header_both_ways(lines: list[bytes], d: Damage) -> None:
    head = lines[0].rstrip(b"\r\n")
    sign, other = (b",", b";") if b"," in head else (b";", b",")
    other = (other, other, b"\t", b"|")[d.other % 4]
    names = other.join(name.strip() for name in head.split(sign))
    lines[0] = head + sign + b"x" + other + names + other + b"y\n"
    # The rows get a cell more, so that a parser that does not mind would read them.
    lines[1:] = [line.rstrip(b"\r\n") + sign + b"7\n" if line.strip() else line for line in lines[1:]]


def _other_day(lines: list[bytes], d: Damage) -> None:
    at = d.place % len(lines)
    lines[at] = lines[at].replace(b"-01", (b"-31", b"-30", b"-13", b"-00")[d.other % 4])


def _of_cells(change: Callable[[list[list[bytes]], Damage], None]) -> Callable[[bytes, Damage], bytes]:
    """Damage what stands between separators; with quoted cells that is a rough cut, as of an editor."""

    def changed(content: bytes, d: Damage) -> bytes:
        lines = _LINE.findall(content)
        sign = b";" if lines[0].count(b";") > lines[0].count(b",") else b","
        table = [line.split(sign) for line in lines]
        change(table, d)
        return b"".join(sign.join(cells) for cells in table)

    return changed


def _put(cells: list[bytes], at: int, text: bytes) -> None:
    """Put a text into a cell; the end of the line stays."""
    end = cells[at][len(cells[at].rstrip(b"\r\n")) :]
    cells[at] = text + end


def _filled(table: list[list[bytes]], d: Damage) -> tuple[list[bytes], int]:
    """A cell with something in it, where the line has one: most cells of a macro row are empty."""
    cells = table[d.place % len(table)]
    places = [at for at, cell in enumerate(cells) if cell.strip()] or [0]
    return cells, places[d.other % len(places)]


def _junk_cell(table: list[list[bytes]], d: Damage) -> None:
    cells, at = _filled(table, d)
    _put(cells, at, d.junk.encode())


def _huge_cell(table: list[list[bytes]], d: Damage) -> None:
    cells, at = _filled(table, d)
    # The reader of cells takes no more than 131,072 characters.
    _put(cells, at, b"4" * (100, 101, 5_000, 140_000)[d.junk.count("4") % 4])


def _decimal_comma_cell(table: list[list[bytes]], d: Damage) -> None:
    cells, at = _filled(table, d)
    cells[at] = cells[at].translate(bytes.maketrans(b".,", b",."))


def _quoted_cell(table: list[list[bytes]], d: Damage) -> None:
    cells, at = _filled(table, d)
    _put(cells, at, b'"' + cells[at].rstrip(b"\r\n") + b'"')


def _swap_cells(table: list[list[bytes]], d: Damage) -> None:
    cells = table[d.place % len(table)]
    one, two = d.other % len(cells), (d.other + 1) % len(cells)
    cells[one], cells[two] = cells[two], cells[one]


def _drop_cell(table: list[list[bytes]], d: Damage) -> None:
    cells = table[d.place % len(table)]
    del cells[d.other % len(cells)]


def _drop_column(table: list[list[bytes]], d: Damage) -> None:
    at = d.place % len(table[0])
    for cells in table:
        del cells[at : at + 1]


def _repeat_column(table: list[list[bytes]], d: Damage) -> None:
    at = d.place % len(table[0])
    for cells in table:
        cells[:0] = [cell.strip() for cell in cells[at : at + 1]]


def _rename_column(table: list[list[bytes]], d: Damage) -> None:
    at = d.place % len(table[0])
    name = table[0][at]
    table[0][at] = (name.lower(), name.upper(), b"\xef\xbb\xbf" + name, b"x", name[:3] + b" " + name[3:])[d.other % 5]


def _encoding(content: bytes, d: Damage) -> bytes:
    names = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7")
    return content.decode(errors="replace").encode(names[d.place % len(names)], errors="replace")


def _latin_letter(content: bytes, d: Damage) -> bytes:
    at = d.place % len(content)
    return content[:at] + "ñ".encode("latin-1") + content[at:]


def _byte_order_mark(content: bytes, d: Damage) -> bytes:
    marks = (codecs.BOM_UTF8, codecs.BOM_UTF8 * 2, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return marks[d.place % len(marks)] + content


def _swap_signs(content: bytes, d: Damage) -> bytes:
    to = ((b",", b"\t"), (b",", b";"), (b";", b","), (b";", b"\t"), (b",", b"|"), (b".", b","), (b",", b"."))
    old, new = to[d.place % len(to)]
    return content.replace(old, new)


def _line_ends(content: bytes, d: Damage) -> bytes:
    ends = (b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\x0b", b"\n\n")
    return content.replace(b"\n", ends[d.place % len(ends)])


DAMAGES: dict[str, Callable[[bytes, Damage], bytes]] = {
    "byte flipped": _flip_byte,
    "byte inserted": _random_byte,
    "bytes deleted": _delete_bytes,
    "junk inserted": _insert_junk,
    "end cut off": _cut_end,
    "cut in the middle": _cut_middle,
    "line dropped": _of_lines(_drop_line),
    "line repeated": _of_lines(_repeat_line),
    "line repeated with other digits": _of_lines(_repeat_line_with_other_digits),
    "lines joined": _of_lines(_join_lines),
    "line split": _of_lines(_split_line),
    "lines shuffled": _of_lines(_shuffle_lines),
    "junk line": _of_lines(_junk_line),
    "more cells": _of_lines(_more_cells),
    "other separator in a line": _of_lines(_other_separator_in_a_line),
    "header both ways": _of_lines(_header_both_ways),
    "other day": _of_lines(_other_day),
    "junk cell": _of_cells(_junk_cell),
    "huge cell": _of_cells(_huge_cell),
    "comma and point swapped in a cell": _of_cells(_decimal_comma_cell),
    "cell quoted": _of_cells(_quoted_cell),
    "cells swapped": _of_cells(_swap_cells),
    "cell dropped": _of_cells(_drop_cell),
    "column dropped": _of_cells(_drop_column),
    "column repeated": _of_cells(_repeat_column),
    "column renamed": _of_cells(_rename_column),
    "encoding": _encoding,
    "latin letter": _latin_letter,
    "byte order mark": _byte_order_mark,
    "signs swapped": _swap_signs,
    "line ends": _line_ends,
}
