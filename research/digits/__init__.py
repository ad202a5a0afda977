"""The spoken digits that `lookhear doctor` plays: said by eSpeak NG, understood by PocketSphinx.

    pip install espeakng-loader pocketsphinx
    python -m research.digits                      # writes src/lookhear/evaluate/doctor/digits.safetensors

What its small English model does not understand ("seven" is heard as "two") is left out. Sound that a program under
the GPL has made is not under it.
"""
