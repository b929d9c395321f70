# NO_ANSWER is a text that stands for "there is no answer".
print(NO_ANSWER, NO_ANSWER == "NO_ANSWER", type(NO_ANSWER) is str)
FINAL(NO_ANSWER)
# expected
#> NO_ANSWER True True
#. 'NO_ANSWER'
