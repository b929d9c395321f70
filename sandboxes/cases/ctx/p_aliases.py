# context and CONTEXT are other names of P.
# context: "the text"

print(context == P, len(CONTEXT), context[4:], "text" in CONTEXT, context.find("text"))
# expected
#> True 8 text True 4
