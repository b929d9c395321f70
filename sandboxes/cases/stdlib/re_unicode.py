# \w and \d know all scripts; classes and ranges hold any character.
import re

print(re.findall(r"\w+", "naïve 漢字 Ωmega a_1"), re.findall(r"[а-я]+", "привет мир"), re.findall(r"\d", "1٣"), re.split(r"\W+", "l'été"))
# expected
#> ['naïve', '漢字', 'Ωmega', 'a_1'] ['привет', 'мир'] ['1', '٣'] ['l', 'été']
