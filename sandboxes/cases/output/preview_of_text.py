# A text is shown as its repr.
"it's \"quoted\"\n\t\\ é 😀 \x00"
# expected
#= 'it\'s "quoted"\n\t\\ é 😀 \x00'
