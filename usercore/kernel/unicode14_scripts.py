"""Script_Extensions and Default_Ignorable_Code_Point of Unicode 14.0.0; written by ``scripts/make_scripts.py``.

The runs are pairs in base 36: a length in code points, then the index of the scripts that occur with these characters.
Code points that Unicode 14 does not assign belong to the run before them: identifiers cannot contain them. The tables
are parsed when the first name that is not ASCII is checked. Source: Unicode 14.0.0, ScriptExtensions.txt, Scripts.txt
and DerivedCoreProperties.txt.
"""

from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import Final

_SCRIPTS: Final = (
    "* Adlm Adlm+Arab+Mand+Mani+Ougr+Phlp+Rohg+Sogd+Syrc Adlm+Arab+Nkoo+Rohg+Syrc+Thaa+Yezi Aghb Ahom Arab Arab+Copt "
    "Arab+Nkoo Arab+Nkoo+Rohg+Syrc+Thaa+Yezi Arab+Rohg Arab+Syrc Arab+Syrc+Thaa Arab+Thaa Arab+Thaa+Yezi Armi Armn "
    "Avst Bali Bamu Bass Batk Beng Beng+Cakm+Sylo Beng+Deva "
    "Beng+Deva+Dogr+Gong+Gonm+Gran+Gujr+Guru+Knda+Limb+Mahj+Mlym+Nand+Orya+Sind+Sinh+Sylo+Takr+Taml+Telu+Tirh "
    "Beng+Deva+Dogr+Gong+Gonm+Gran+Gujr+Guru+Knda+Mahj+Mlym+Nand+Orya+Sind+Sinh+Sylo+Takr+Taml+Telu+Tirh "
    "Beng+Deva+Gran+Gujr+Guru+Knda+Latn+Mlym+Orya+Shrd+Taml+Telu+Tirh "
    "Beng+Deva+Gran+Gujr+Guru+Knda+Latn+Mlym+Orya+Taml+Telu+Tirh Beng+Deva+Gran+Knda "
    "Beng+Deva+Gran+Knda+Nand+Orya+Telu+Tirh Bhks Bopo Bopo+Hang+Hani+Hira+Kana Bopo+Hang+Hani+Hira+Kana+Yiii "
    "Bopo+Hani Brah Brai Bugi Bugi+Java Buhd Buhd+Hano+Tagb+Tglg Cakm Cakm+Mymr+Tale Cans Cari Cham Cher Chrs Copt "
    "Cpmn Cpmn+Cprt+Linb Cprt Cprt+Lina+Linb Cprt+Linb Cyrl Cyrl+Glag Cyrl+Latn Cyrl+Perm Cyrl+Syrc Deva "
    "Deva+Dogr+Gujr+Guru+Khoj+Knda+Kthi+Mahj+Mlym+Modi+Nand+Sind+Takr+Tirh "
    "Deva+Dogr+Gujr+Guru+Khoj+Knda+Kthi+Mahj+Modi+Nand+Sind+Takr+Tirh "
    "Deva+Dogr+Gujr+Guru+Khoj+Kthi+Mahj+Modi+Sind+Takr+Tirh Deva+Dogr+Kthi+Mahj Deva+Gran Deva+Gran+Knda "
    "Deva+Gran+Latn Deva+Knda+Mlym+Orya+Taml+Telu Deva+Nand Deva+Shrd Deva+Taml Diak Dogr Dsrt Dupl Egyp Elba Elym "
    "Ethi Geor Geor+Latn Glag Gong Gonm Goth Gran Gran+Taml Grek Gujr Gujr+Khoj Guru Guru+Mult Hang Hani "
    "Hani+Hira+Kana Hani+Latn Hano Hatr Hebr Hira Hira+Kana Hluw Hmng Hmnp Hung Ital Java Kali Kali+Latn+Mymr Kana "
    "Khar Khmr Khoj Kits Knda Knda+Nand Kthi Lana Laoo Latn Latn+Mong Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka "
    "Mand Mani Mani+Ougr Marc Medf Mend Merc Mero Mlym Modi Mong Mong+Phag Mroo Mtei Mult Mymr Nand Narb Nbat Newa "
    "Nkoo Nshu Ogam Olck Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr "
    "Sarb Saur Sgnw Shaw Shrd Sidd Sind Sinh Sogd Sogo Sora Soyo Sund Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt "
    "Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Toto Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb "
)
_RUNS: Final = (
    "1t 0 q 3c 6 0 q 3c 1b 0 1 3c f 0 1 3c 5 0 n 3c 1 0 v 3c 1 0 ch 3c 13 0 5 3c 5 0 2 w 2e 0 1 2g 2 0 1 2g t 0 d 3c "
    "4 2g 1 0 9 2g 1 0 6 2g 1 0 1 2g 1 0 2i 2g e 1d g 2g 3n 1j 1 1m 1 1k 2 1l 1 1k 4p 1j 2o g 33 2r 5 6 1 0 6 6 1 9 e "
    "6 1 9 1 c 2 6 1 3 w 6 1 2 a 6 b b a 6 a e 6 6 1 b 2r 6 1 a 8 6 1 0 y 6 28 57 1c 6 1s 5i 1s 47 1s 4s w 3n g 57 36 "
    "6 1 0 t 6 29 1o 1 r 1 s 2 0 f 1o 1 q 1 p a 1s g 1o 2u m a n h m 2t 2j a 2k h 2j 2t 2h a 2i h 2h 3l 4c 2s 5c e 2f "
    "c 5c 3k 5f 2u 37 b 38 f 37 3l 3v 3k 50 1q 5j 1 0 1t 5j 3j 3b 5x 5k 4 0 13 5k 1s 42 a 17 2e 42 2j 28 1 29 4 28 74 "
    "2l bk 27 2o 1b hs 18 w 49 23 4r 3 0 i 4r w 5h l 2p b 15 w 14 w 58 3k 34 2 3x 2 3y 1 3x 1 3y 4q 3x 28 18 28 3f 1c "
    "5a 2o 5b w 34 w 12 40 3a 28 0 3k i 1s 55 1s l 28 3e 1c 4a g 1j 1c 28 g 55 1 t 1 1o 1 t 1 1t 1 1o 2 o 1 1y 1 o 1 "
    "1y 1 1w 1 1o 2 1y 2 1o 1 1y 1 o 7 1o 1 1x 1 o 2 1o 1 o 4 1o 1 u 1 1t 1 1u 2 o 1 m 2 1t 6 43 12 3c 5 2g 1 1j 1d "
    "3c 5 2g 4 3c 5 2g d 3c 1 1j 1y 3c 3 2g 1i 0 1 1n 1 0 1 57 5 0 74 3c 74 2g 1b 0 1 3d 1t 0 3 3c b 0 1 3c g 0 g 3c "
    "28 0 g 1v 12 0 1 2g 3 0 2 3c 6 0 1 3c r 0 1 3c h 0 15 3c 19z 0 74 11 lc 0 2o 2a w 3c 3k 1d 1c 28 28 5g 2o 27 w "
    "1j 1v 0 1 1k 1o 0 a8 2m h 0 2 y 1 x 1 0 3 2m a y 1 0 1 x 8 y 4 x 1 0 9 2m 4 z 2 2l 1 x 5 2t 1 0 1 x 4 2m 2 2n 3 "
    "2m 2g 2s 4 2t 3 2s 1 2t 2i 32 1 y 1 2t 8 32 18 w 2n 2l g 2m w w 1c 2m g 32 w 2l 14 2m o 0 v 2l 1 0 1d 2m f 0 c "
    "2m 4 0 1b 32 1 2m 2g 32 p 2m a 0 5 2m 2o 0 v 2m 1 0 534 2m 1s 0 g74 2m y8 5w 1c 3i 8w 5p 1b 1j 1 1k 1c 1j 2o j 8 "
    "2o q 0 2u 3c 3 0 39 3c 1c 56 3 1p 3 1q a 1r 1s 4j 2o 4u h 1o 1 o 1 1o 1 1z c 1o 1a 30 1 31 1 30 1c 4p w 2l 27 2z "
    "1 13 g 2z w 42 2o 1a w 42 2o 5e x 40 1b 27 17 3c 1 0 9 3c 1 2g 4 3c 6 0 28 1b 1s 40 8ow 2l 6io 0 e8 2m j 3c a g "
    "1f 2r dq 6 2 8 4y 6 1 d a 6 1 d 2 6 1a 0 2 1j l 0 2 x 15 0 3z 6 y 0 q 3c 6 0 q 3c 6 0 5 y a 32 1 2t 19 32 2 2t "
    "1s 2l w 0 74 3h 2 1f 5 1i 1c 1h 9 1i 28 2g g 0 1c 2g 4w 0 w 3j 1s 19 w 7 1c 2y w 2d 1c 4i w 5o 2o 5t 28 22 1c 4w "
    "1c 4e 28 4d 1c 25 1s 4 40 5q ao 3g 3k 3c 1s 1g w f w 4g 2o 45 w 2q w 4m 2o 3k w 3u 2o 3t 2o 33 w 4t 1s 44 1e 3o "
    "1 3p d 3o 1s h w 4o w 4k 3k 4l 3k 4b 3k 2x 9s 4q w 6 3k 5v 1c 52 1s 51 1s 4f 1c 1c w 26 3k 10 28 39 1c 53 28 16 "
    "1c 3l 2p 4x v 50 3k 35 1c 41 28 4z 1 2e 1 2f 1 2e 2 2f 1i 2e 2 2f 5f 2e 3k 46 74 5l 3k 4y 2o 3w w 3x 3k 59 74 5 "
    "4g 21 2o 5r 4g 20 2o 43 28 5x 2o 54 g 18 8w 4h 34 v 40 3q 2o 2c ao 2b 5s 3m g 3i g 5c 2 2f 1 5c 1 2f 18 5c 32o "
    "5u 34 1e 3y8 24 740 2u g0 j 1c 3z 2o 5m 1c k n4 2v 5c 3r 68 4n 1 5d 1 48 2 2m c 36 g 2m 5c0 5d e8 36 6wg 5d h 32 "
    "7z 2s 1c 32 k 2s c 32 234 48 3r4 23 lc 0 68 2g 3k 0 i 2m we 0 1ds 4v 74 3c 74 2a b4 2w 1c 5n 10g 5s w 27 74 3s "
    "oh 1 b3 0 e8 6 e8 0 1 2s 27 0 g 2m 2ow 0 gutd 2m 47pb 0 "
)
_IGNORABLE: Final = (
    "0 4t 4u nj nk 17g 17h 3fj 3fl 4ok 4om 4qz 4r4 6bv 6c0 6cq 6cv 6e8 6eo 9r8 9r9 1e68 1e6o 1edb 1edc 1ehs 1eht 1ek0 "
    "1ek9 2fts 2ftw 2jxv 2jy3 jny8 jr40 "
)
"""The first code points, in base 36, of alternating runs: not ignorable, ignorable, not ignorable, ..."""


def scripts_of(character: str) -> frozenset[str] | None:
    """Return the scripts that this assigned character occurs with, as ISO 15924 codes; None if it goes with all."""
    starts, scripts = _script_runs()
    return scripts[bisect_right(starts, ord(character)) - 1]


def is_ignorable(character: str) -> bool:
    """Return whether this character has the property Default_Ignorable_Code_Point, so that it may be invisible."""
    return bisect_right(_ignorable_starts(), ord(character)) % 2 == 0


@cache
def _ignorable_starts() -> list[int]:
    return [int(number, 36) for number in _IGNORABLE.split()]


@cache
def _script_runs() -> tuple[list[int], list[frozenset[str] | None]]:
    sets = [None if codes == "*" else frozenset(codes.split("+")) for codes in _SCRIPTS.split()]
    numbers = [int(number, 36) for number in _RUNS.split()]
    return [0, *accumulate(numbers[::2])], [sets[index] for index in numbers[1::2]]
